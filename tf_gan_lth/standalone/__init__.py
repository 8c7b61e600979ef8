"""What runs without this package: files to copy to where a generator is used."""
