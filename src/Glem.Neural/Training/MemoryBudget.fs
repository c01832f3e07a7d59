namespace Glem

open System
open System.IO

/// How much memory the vectors of all texts may take, and where they lie if they take more.
type MemoryBudget = {
    /// Bytes of one set of vectors. EM holds up to three: this round's, the last round's, and the best round's. A decoupled
    /// graph network's hops are another while it trains.
    Vectors: int64
    /// Of the files in which larger sets lie. They have no name, and are gone with the process.
    Folder: string
}

module MemoryBudget =
    /// A quarter of the memory that this process may use, and the cache folder.
    let standard () = {
        Vectors = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4L
        Folder = Path.Combine(CacheFolder.path (), "vectors")
    }
