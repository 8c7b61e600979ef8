"""The edge: commands, flags made from config fields, errors as one line.

A command is a module with `define(values)`, which makes its flags, and `main(values)`, which does
the work; its docstring is its help. What takes long to import, TensorFlow first of all, is imported
in `main`, so that help and a misspelt flag are answered at once. No other folder imports this one.
"""
