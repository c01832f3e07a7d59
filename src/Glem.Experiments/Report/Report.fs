namespace Glem

open System.IO

/// Reports on any number of run directories.
module Report =
    let private armSections arms = [
        for index, arm in List.indexed arms do
            let anchor = $"arm%d{index + 1}"

            let inside (section: Section) =
                if List.length arms = 1 then
                    section
                else
                    {
                        section with
                            Title = $"%s{section.Title}: %s{arm.Name}"
                    }

            {
                Anchor = anchor
                Title = (if List.length arms = 1 then "Result" else arm.Name)
                Blocks = [ Prose(Headline.sentence arm); Headline.tiles arm ]
            }

            for section in
                LadderSection.create anchor arm :: PairedSection.create anchor arm
                @ CurveSection.create anchor arm
                @ ElboSection.create anchor arm
                @ AuditSection.create anchor arm
                @ ErrorSection.create anchor arm
                @ RunSection.create anchor arm do
                inside section
    ]

    let private title (runs: RunFolder list) =
        let datasets = runs |> List.map _.Info.Dataset.Name |> List.distinct |> String.concat ", "

        match runs with
        | [ run ] -> $"GLEM on %s{datasets}, seed %d{run.Info.Seed}"
        | _ -> $"GLEM on %s{datasets}, %d{runs.Length} runs"

    let private loadAll runDirs =
        List.foldBack
            (fun folder rest ->
                Result.bind (fun runs -> RunFolder.load folder |> Result.map (fun run -> run :: runs)) rest)
            runDirs
            (Ok [])

    let internal writePage (outputDir: string) (title: string) (sections: Section list) : Result<unit, GlemError> =
        RunFile.write (Path.Combine(outputDir, "report.html")) (Html.page title sections)
        |> Result.bind (fun () -> RunFile.write (Path.Combine(outputDir, "report.md")) (Markdown.page title sections))

    /// Writes report.html (one file, opens offline) and report.md into `outputDir` from one or more run directories.
    /// Runs that differ in their seed only are replicates: the report gives their mean, standard deviation and each
    /// value; others stand under a heading of their own.
    /// Errors: no run directory; a run directory's file that is absent or damaged; an output folder that cannot be written to.
    let write (outputDir: string) (runDirs: string list) : Result<unit, GlemError> =
        if runDirs.IsEmpty then
            Error(InValue("run directories", "none", "at least one"))
        else
            loadAll runDirs
            |> Result.bind (fun runs -> runs |> Arm.ofRuns |> armSections |> writePage outputDir (title runs))
