"""`python -m watchfloor`: open the command-line door."""

from watchfloor.doors.cli import main

if __name__ == "__main__":
    main()
