"""What a GAN is for: what it trains on, and how its images are scored and shown.

Also images to score from anywhere. Knows nothing of rounds, masks or methods.
"""

from tf_gan_lth.tasks import image_to_image, noise_to_image  # noqa: F401  they register
from tf_gan_lth.tasks.task import TASKS, Scores, Task, TaskImages

__all__ = ["TASKS", "Scores", "Task", "TaskImages"]
