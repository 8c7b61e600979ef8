"""Tickets as things to use elsewhere: SavedModels, and the check that they are as sparse as they
claim.
"""

from tf_gan_lth.export.saved_model import export_tickets, verify
from tf_gan_lth.export.slim import slim_generator

__all__ = ["export_tickets", "slim_generator", "verify"]
