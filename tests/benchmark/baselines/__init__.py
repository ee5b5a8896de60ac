"""What publishing is compared with. Each is a program or a shell line of its own, as somebody would write it."""
