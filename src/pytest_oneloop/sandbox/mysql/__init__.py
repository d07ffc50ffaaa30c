"""What MySQL and MariaDB do otherwise than the sandbox would have it; pure, no I/O."""
