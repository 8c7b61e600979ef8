"""Masks: pure functions (`masks`), in TFMOT's wrapper (`wrapping`); what networks cost (`cost`).

Which channels go together is found from the graph (`channels`); masks of them (`channel_masks`)
make networks slim (`slimming`). Knows nothing of rounds or training.
"""
