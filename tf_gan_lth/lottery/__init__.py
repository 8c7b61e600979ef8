"""The lottery: rounds, rewinding, branches, verdict. The only folder that knows all the parts below it.

Read `ticket.py` first: it is the paper's algorithm.
"""

from tf_gan_lth.lottery import rescoring
from tf_gan_lth.lottery.laboratory import Laboratory
from tf_gan_lth.lottery.results import Result, read_results, table, write_results
from tf_gan_lth.lottery.ticket import find_ticket
from tf_gan_lth.lottery.verdict import Verdict, judge

__all__ = ["Laboratory", "Result", "Verdict", "find_ticket", "judge", "read_results", "rescoring", "table", "write_results"]
