namespace Glem

/// How a line is to be read.
[<RequireQualifiedAccess>]
type Tone =
    | Plain
    | Strong
    | Good
    | Bad
    | Faint

/// A line on the screen.
type WatchLine = { Tone: Tone; Text: string }

module WatchLine =
    let plain text = { Tone = Tone.Plain; Text = text }
    let strong text = { Tone = Tone.Strong; Text = text }
    let good text = { Tone = Tone.Good; Text = text }
    let bad text = { Tone = Tone.Bad; Text = text }
    let faint text = { Tone = Tone.Faint; Text = text }
