namespace Glem

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open System.Security.Cryptography

/// A name for texts by what they say: equal texts in equal order, equal digest.
module TextDigest =
    /// SHA-256 over each text's length and UTF-16.
    let ofTexts (texts: string seq) : byte[] =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let length = Array.zeroCreate<byte> 4

        for text in texts do
            BinaryPrimitives.WriteInt32LittleEndian(Span length, text.Length)
            hash.AppendData length
            hash.AppendData(MemoryMarshal.AsBytes(text.AsSpan()))

        hash.GetHashAndReset()
