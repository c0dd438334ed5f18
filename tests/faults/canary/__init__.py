"""Spec text is data: hostile text in every string of a spec never becomes code."""
