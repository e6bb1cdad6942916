"""The parameters of each model family.

They stand apart from the code that trains, so that a command which only reads or checks them
does not wait for TensorFlow.
"""
