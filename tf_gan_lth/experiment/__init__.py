"""What an experiment is and where it is kept: config, registry, run folder, artifacts, seeds.

No Keras here.
"""
