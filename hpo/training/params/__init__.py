"""The parameters of each model family.

They are kept apart from the training code, so that reading or checking them does not import
TensorFlow.
"""
