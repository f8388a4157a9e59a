#!/bin/sh
# What each element of our job arrays runs. The same file for all jobs: everything else comes from the environment that was submitted.
exec "$TILTH_NODE_PROGRAM" "$TILTH_MAIN" slurm carry
