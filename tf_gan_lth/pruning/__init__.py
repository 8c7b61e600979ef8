"""Masks: pure functions (`masks`), in TFMOT's wrapper (`wrapping`); what networks cost (`cost`).

Knows nothing of rounds or training.
"""
