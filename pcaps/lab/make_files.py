"""Writes images of one device as files. Usage: make_files.py KEY DIRECTORY COUNT"""
import os
import sys

from dicom_data import image


def main():
    """Writes the files."""
    key, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.makedirs(directory, exist_ok=True)
    for number in range(1, count + 1):
        data = image(key, number)
        data.save_as(f"{directory}/{number}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    main()
