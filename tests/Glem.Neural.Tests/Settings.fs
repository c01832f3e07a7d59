namespace Glem.Neural.Tests

open Xunit

// Some tests measure time and each uses all cores, so one runs at a time.
[<assembly: CollectionBehavior(DisableTestParallelization = true)>]
do ()
