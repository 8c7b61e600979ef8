"""`python -m tf_gan_lth COMMAND`: the console command `tf-gan-lth`."""

from tf_gan_lth.cli.main import main

if __name__ == "__main__":
    main()
