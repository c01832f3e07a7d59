namespace Glem

/// metrics.jsonl.
module MetricLog =
    /// Opens the file for appending, or creates it.
    let appendTo path = LineLog.Open(path, Metric.toLine)

    /// The metrics in the order they were written, and notes on what was passed over.
    let read path = LineLog.read Metric.ofLine path
