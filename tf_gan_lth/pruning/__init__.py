"""Masks: computed by pure functions (`masks`), held by TFMOT's wrapper (`wrapping`). Knows nothing
of rounds or training.
"""
