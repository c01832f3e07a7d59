namespace Glem

/// How an answer stands in a folder of files. Read gives back what Write was given, to the bit.
type Codec<'a> = {
    /// Writes into an existing, empty folder. "manifest.json" is the store's.
    Write: string -> 'a -> unit
    /// Reads from the folder, whose files are those that were written. InvalidDataException, EndOfStreamException and
    /// GlemException mean that they are of no use: they are set aside and computed again.
    Read: string -> 'a
}
