"""Journals of earlier versions, kept for ever."""
