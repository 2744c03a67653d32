"""A program of its own: decodes JPEG frames with GDCM, one after the other, stdin to stdout.

GDCM ends the whole process on some damaged frames, so it gets one to itself
(`clinmm.readers.gdcm_process` starts it and speaks with it). It imports nothing of clinmm.

Asked: a line `SYNTAX WIDTH HEIGHT SAMPLES ALLOCATED STORED SIGNED BYTES`, then the frame's bytes.
Answered: one byte, 1 and the pixels (little endian, as many as the line says), or 0.
"""

import os
import sys

import gdcm  # type: ignore[import-untyped]


def main() -> None:
    asked = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what GDCM prints is no answer
        while line := asked.readline():
            syntax, *words = line.decode("ascii").split()
            *numbers, n_bytes = map(int, words)
            width, height, samples, allocated, *_ = numbers
            pixels = decoded(asked.read(n_bytes), syntax, *numbers)
            whole = len(pixels) == width * height * samples * allocated // 8
            answers.write(b"\1" + pixels if whole else b"\0")
            answers.flush()


def decoded(
    frame: bytes,
    syntax: str,
    width: int,
    height: int,
    samples: int,
    allocated: int,
    stored: int,
    signed: int,
) -> bytes:
    """The pixels of a frame; none where GDCM says that it cannot."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()  # refers to the above, which must live until the pixels are out
    image.SetNumberOfDimensions(2)
    image.SetDimensions((width, height, 1))
    image.SetDataElement(element)
    kinds = gdcm.PhotometricInterpretation
    image.SetPhotometricInterpretation(kinds(kinds.RGB if samples == 3 else kinds.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, stored, stored - 1, signed))
    pixels = image.GetBuffer()
    return b"" if pixels is None else bytes(pixels.encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    main()
