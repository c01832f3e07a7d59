namespace Glem

/// What becomes of the places where a text is split. Named as in a tokenizer.json.
type SplitBehavior =
    | Removed
    | Isolated
    | MergedWithPrevious
    | MergedWithNext
    | Contiguous

module internal SplitBehavior =
    /// Cuts [first, first + count) at the matches within, given in order as starts and lengths. What is empty is left out.
    let cut
        behavior
        (matches: ResizeArray<struct (int * int)>)
        invert
        first
        count
        (words: ResizeArray<struct (int * int)>)
        =
        // The text as it comes: stretches that match, and what lies between.
        let stretches = ResizeArray<struct (int * int * bool)>()
        let mutable from = first

        for struct (start, length) in matches do
            if start > from then
                stretches.Add(struct (from, start - from, invert))

            stretches.Add(struct (start, length, not invert))
            from <- start + length

        if from < first + count then
            stretches.Add(struct (from, first + count - from, invert))

        let add start stop =
            if stop > start then
                words.Add(struct (start, stop - start))

        let matchesAt i = i >= 0 && i < stretches.Count && (let struct (_, _, isMatch) = stretches[i] in isMatch)

        // Where stretch i begins a word; the word goes on until the next one that does.
        let begins i =
            match behavior with
            | Removed
            | Isolated -> true
            // A match joins what is before it, unless that is a match.
            | MergedWithPrevious -> i = 0 || not (matchesAt i) || matchesAt (i - 1)
            // A match takes what comes after it along, unless that is a match.
            | MergedWithNext -> i = 0 || not (matchesAt (i - 1)) || matchesAt i
            | Contiguous -> i = 0 || matchesAt i <> matchesAt (i - 1)

        let mutable start = first

        for i in 0 .. stretches.Count - 1 do
            let struct (at, length, isMatch) = stretches[i]

            if begins i then
                start <- at

            if i + 1 = stretches.Count || begins (i + 1) then
                if not (isMatch && behavior = Removed) then
                    add start (at + length)
