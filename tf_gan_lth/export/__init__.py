"""Tickets as things to use elsewhere: SavedModels, files of other formats, and a card of what each
takes; each is checked against the ticket before it is there.
"""

from tf_gan_lth.export.bundle import export
from tf_gan_lth.export.saved_model import export_tickets, verify
from tf_gan_lth.export.slim import channels_of, slim_generator
from tf_gan_lth.export.tickets import open_training

__all__ = [
    "channels_of",
    "export",
    "export_tickets",
    "open_training",
    "slim_generator",
    "verify",
]
