"""Engines: what solves the problem at some lambdas on the columns that are worked on."""
