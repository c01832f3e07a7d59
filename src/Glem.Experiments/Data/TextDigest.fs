namespace Glem

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text

/// A name for texts by what they say: equal texts in equal order, equal digest.
module TextDigest =
    /// SHA-256 over each text's UTF-8, behind its length in bytes (int32, little-endian).
    let ofTexts (texts: string seq) : byte[] =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let length = Array.zeroCreate<byte> 4

        for text in texts do
            let bytes = Encoding.UTF8.GetBytes text
            BinaryPrimitives.WriteInt32LittleEndian(Span length, bytes.Length)
            hash.AppendData length
            hash.AppendData bytes

        hash.GetHashAndReset()
