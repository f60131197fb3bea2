"""What is wrong at one target, from first to last sight."""
