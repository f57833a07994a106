"""Attempts: how often a log-in may fail before nobody is let in for a while."""
