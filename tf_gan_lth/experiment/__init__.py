"""What an experiment is and where it is kept: config, command line, run folder, artifacts, seeds.
No Keras here.
"""
