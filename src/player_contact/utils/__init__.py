"""What every part uses: errors, files, arrays on disk, processes, progress."""
