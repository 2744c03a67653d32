"""A program of its own: decodes one JPEG frame with GDCM, stdin to stdout.

GDCM ends the whole process on some damaged frames, so it gets one to itself
(`clinmm.readers.decoding` starts it). It imports nothing of clinmm.

    python gdcm_worker.py TRANSFER_SYNTAX WIDTH HEIGHT SAMPLES ALLOCATED STORED SIGNED < frame
"""

import sys

import gdcm  # type: ignore[import-untyped]


def main() -> None:
    syntax, *numbers = sys.argv[1:]
    width, height, samples, allocated, stored, signed = (int(number) for number in numbers)
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(sys.stdin.buffer.read())
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((width, height, 1))
    image.SetDataElement(element)
    kinds = gdcm.PhotometricInterpretation
    image.SetPhotometricInterpretation(kinds(kinds.RGB if samples == 3 else kinds.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, stored, stored - 1, signed))
    sys.stdout.buffer.write(image.GetBuffer().encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    main()
