namespace Glem.Experiments.Tests

open System
open System.Globalization
open System.IO
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open CsvHelper
open Glem
open Xunit

/// A report on five made-up seeds and the page of a made-up grid, and a browser to open them in.
[<Sealed>]
type Pages() =
    let folder = new TestFolder()
    let browser = lazy (new Browser(Browser.Program))

    let report =
        lazy
            (let runs = [ for seed in 0..4 -> folder.File $"seed%d{seed}" ]
             runs |> List.iteri (fun seed run -> MadeUp.run run seed 15)
             Report.write (folder.File "report") runs |> Result.orRaise
             folder.File "report/report.html")

    let grid =
        lazy
            (let experiment =
                experiment "alpha-beta" {
                    question "How much should each model trust the other's labels?"
                    recipe Recipes.quickstart

                    axis "alpha" [ 0.0; 0.3; 0.8 ] (fun alpha r -> {
                        r with
                            EStep.PseudoWeight = [ alpha ]
                    })

                    axis "beta" [ 0.0; 0.5 ] (fun beta r -> { r with MStep.PseudoWeight = [ beta ] })
                    seeds [ 0..2 ]
                    controls [ Control.StaticTwoStage ]
                    baseline "staticTwoStage"
                    decide Student.Gnn "glem" 0.5
                }
                |> Result.orRaise

             let output = folder.File "grid"
             Preregistration.register output experiment |> Result.orRaise |> ignore

             for at, cell in Experiment.cells experiment |> Result.orRaise |> List.indexed do
                 let run = CellFolder.run output cell
                 MadeUp.run run at 6

                 {
                     MadeUp.info cell.Seed 6 with
                         Configuration = JsonSerializer.SerializeToElement(Settings.toJson cell.Recipe)
                 }
                 |> RunInfo.write (RunFolder.info run)
                 |> Result.orRaise

             GridReport.write output output |> Result.orRaise
             Path.Combine(output, "report.html"))

    member _.Browser = browser.Value
    member _.File page = if page = "grid" then grid.Value else report.Value

    /// Opens a page as most people will first see it.
    member this.Open page =
        this.Browser.Open(this.File page, 1400, 900, false)
        this.Browser

    interface IDisposable with
        member _.Dispose() =
            if browser.IsValueCreated then
                (browser.Value :> IDisposable).Dispose()

            (folder :> IDisposable).Dispose()

/// The pages as a reader has them: in a real browser.
[<Sealed>]
type PageTests(pages: Pages) =
    let texts (list: JsonElement) = [ for item in list.EnumerateArray() -> string item ]

    /// The page says for itself what is wrong with it: an expression that gives a list of complaints.
    let complains (browser: Browser) (expression: string) =
        let complaints = browser.Evaluate expression |> texts
        Assert.True(complaints.IsEmpty, String.Join("\n", complaints))

    let figures (browser: Browser) =
        browser.Evaluate "JSON.parse(document.getElementById('figures').textContent)"
        |> _.EnumerateArray()
        |> List.ofSeq

    let text (name: string) (figure: JsonElement) = figure.GetProperty(name).GetString() |> nonNull

    let mouse (browser: Browser) (kind: string) (at: JsonElement) =
        browser.Call(
            "Input.dispatchMouseEvent",
            [
                "type", box kind
                "x", box (at[0].GetDouble())
                "y", box (at[1].GetDouble())
                "button", box (if kind = "mouseMoved" then "none" else "left")
                "clickCount", box 1
            ]
        )
        |> ignore

    /// The middle of an element, moved into the window.
    let middle (browser: Browser) (element: string) =
        let at =
            browser.Evaluate
                $"(() => {{
                    const element = %s{element};
                    element.scrollIntoView({{ block: 'center' }});
                    const box = element.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2];
                }})()"

        browser.Settle()
        at

    /// The rows that a figure is drawn from: of its lists the first that holds objects, a row for each of their points.
    let rows (figure: JsonElement) =
        let lists = [
            for field in figure.GetProperty("data").EnumerateObject() do
                if field.Value.ValueKind = JsonValueKind.Array then
                    let items = List.ofSeq (field.Value.EnumerateArray())

                    if items |> List.exists (fun item -> item.ValueKind = JsonValueKind.Object) then
                        items
        ]

        lists.Head
        |> List.sumBy (fun row ->
            match row.TryGetProperty "points" with
            | true, points -> points.GetArrayLength()
            | false, _ -> 1)

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``every figure draws something, without an error and without asking anybody for anything``(page: string) =
        let browser = pages.Open page

        complains
            browser
            "JSON.parse(document.getElementById('figures').textContent).flatMap(({ id }) => {
                const svg = document.getElementById(id).querySelector('svg');
                if (!svg) return [`${id} drew nothing`];
                const box = svg.getBoundingClientRect(), marks = svg.querySelectorAll('circle, rect, path, line').length;
                if (box.width < 150 || box.height < 80 || marks < 5) return [`${id}: ${box.width} by ${box.height}, ${marks} marks`];
                return /NaN|undefined|Infinity/.test(svg.outerHTML) ? [`${id} holds a NaN`] : [];
            })"

        for name, event in browser.Events do
            match name with
            | "Runtime.exceptionThrown"
            | "Log.entryAdded"
            | "Runtime.consoleAPICalled" -> Assert.Fail(event.GetRawText())
            | "Network.requestWillBeSent" ->
                let url = event.GetProperty("request").GetProperty("url").GetString() |> nonNull
                Assert.Equal(Uri(pages.File page).AbsoluteUri, url)
            | _ -> ()

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``each figure shows numbers under the pointer``(page: string) =
        let browser = pages.Open page

        for figure in figures browser do
            let id = text "id" figure

            middle
                browser
                $"document.getElementById('%s{id}').querySelector('[aria-label=dot] :is(path, circle), [aria-label=bar] rect, [aria-label=cell] rect')"
            |> mouse browser "mouseMoved"

            browser.Settle()

            let tip =
                browser
                    .Evaluate($"document.getElementById('%s{id}').querySelector('[aria-label=tip]').textContent")
                    .GetString()

            Assert.True(Regex.IsMatch(string tip, @"\d|right|says"), $"%s{id} shows '%s{tip}'")

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``each figure gives its rows as a CSV file``(page: string) =
        use folder = new TestFolder()
        let browser = pages.Open page

        browser.Call("Browser.setDownloadBehavior", [ "behavior", box "allow"; "downloadPath", box folder.Path ])
        |> ignore

        for at, figure in List.indexed (figures browser) do
            // Chromium gives a page ten files in a row and no more.
            if at % 8 = 7 then
                pages.Open page |> ignore

            let id = text "id" figure
            let file = folder.File $"%s{id}.csv"

            let link = middle browser $"document.getElementById('%s{id}').closest('figure').querySelector('a.data')"

            mouse browser "mousePressed" link
            mouse browser "mouseReleased" link

            let mutable waits = 200

            while not (File.Exists file) && waits > 0 do
                waits <- waits - 1
                Threading.Thread.Sleep 25

            use csv = new CsvParser(new StreamReader(file), CultureInfo.InvariantCulture)

            let fields = [
                while csv.Read() do
                    (csv.Record |> nonNull).Length
            ]

            Assert.True(fields.Head > 1, id)
            Assert.All(fields, fun count -> Assert.Equal(fields.Head, count))
            Assert.Equal(rows figure, fields.Length - 1)

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``Tab reaches every control, and each shows that it has the focus``(page: string) =
        let browser = pages.Open page

        // Of radio buttons with one name Tab meets the chosen one.
        let controls =
            browser
                .Evaluate(
                    "(() => {
                        document.querySelectorAll('main details').forEach(fold => { fold.open = true; });
                        window.stops = new Map();
                        document.addEventListener('focusin', ({ target }) => {
                            const { outlineStyle, outlineWidth } = getComputedStyle(target);
                            stops.set(target, outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1);
                        });
                        window.controls = [...document.querySelectorAll('a[href], button, select, summary, input, [tabindex=\"0\"]')]
                            .filter(control => control.type !== 'radio' || control.checked);
                        return controls.length;
                    })()"
                )
                .GetInt32()

        Assert.True(controls > 30, $"%d{controls} controls")

        for _ in 0..controls do
            for kind in [ "rawKeyDown"; "keyUp" ] do
                browser.Call(
                    "Input.dispatchKeyEvent",
                    [
                        "type", box kind
                        "key", box "Tab"
                        "code", box "Tab"
                        "windowsVirtualKeyCode", box 9
                    ]
                )
                |> ignore

        complains
            browser
            "controls.filter(control => !stops.get(control)).map(control =>
                (stops.has(control) ? 'no focus ring: ' : 'not reached: ') + control.outerHTML.slice(0, 120))"

    [<Fact>]
    member _.``one class alone is shown on the map by the keyboard``() =
        let browser = pages.Open "report"

        let faded () =
            browser
                .Evaluate(
                    "[...document.querySelectorAll('#arm1-map-chart [aria-label=dot] path')].filter(dot => dot.getAttribute('opacity') < 0.5).length"
                )
                .GetInt32()

        browser.Evaluate "document.querySelector('.key input').focus(), true" |> ignore
        Assert.Equal(0, faded ())

        browser.Call(
            "Input.dispatchKeyEvent",
            [
                "type", box "rawKeyDown"
                "key", box "ArrowDown"
                "code", box "ArrowDown"
                "windowsVirtualKeyCode", box 40
            ]
        )
        |> ignore

        browser.Settle()
        Assert.True(faded () > 100)

    [<Theory>]
    [<InlineData("report", 360)>]
    [<InlineData("report", 800)>]
    [<InlineData("report", 1400)>]
    [<InlineData("grid", 360)>]
    [<InlineData("grid", 800)>]
    [<InlineData("grid", 1400)>]
    member _.``the page is as wide as the window, and no text of a figure lies outside it``(page: string, width: int) =
        let browser = pages.Browser
        browser.Open(pages.File page, width, 900, false)

        complains
            browser
            "(() => {
                const { scrollWidth, clientWidth } = document.documentElement;
                const wide = scrollWidth > clientWidth ? [`${scrollWidth} pixels in a window of ${clientWidth}`] : [];
                const cut = [...document.querySelectorAll('.chart')].flatMap(chart => {
                    const [low, high] = [-1, Math.max(chart.clientWidth, chart.scrollWidth) + 1], left = chart.getBoundingClientRect().x;
                    return [...chart.querySelectorAll('svg text')].filter(text => {
                        const box = text.getBoundingClientRect();
                        return box.width > 0 && (box.x - left < low || box.right - left > high);
                    }).map(text => `${chart.id} cuts '${text.textContent}'`);
                });
                return [...wide, ...cut];
            })()"

    [<Theory>]
    [<InlineData("report", false)>]
    [<InlineData("report", true)>]
    [<InlineData("grid", false)>]
    [<InlineData("grid", true)>]
    member _.``text stands out from its ground as WCAG AA asks, in light and dark``(page: string, dark: bool) =
        let browser = pages.Browser
        browser.Open(pages.File page, 1000, 900, dark)

        complains
            browser
            "(() => {
                document.querySelectorAll('details').forEach(fold => { fold.open = true; });
                const parse = colour => {
                    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
                    return { rgb: [r, g, b], a };
                };
                const over = (top, under, a) => top.map((x, i) => x * a + under[i] * (1 - a));
                const light = rgb => {
                    const [r, g, b] = rgb.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const contrast = (one, other) => {
                    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
                    return (high + 0.05) / (low + 0.05);
                };
                const ground = element => {
                    const { rgb, a } = parse(getComputedStyle(element).backgroundColor);
                    return a === 1 ? rgb : over(rgb, element.parentElement ? ground(element.parentElement) : [255, 255, 255], a);
                };
                const seen = new Map();
                const judge = (text, colour, under, style) => {
                    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 600;
                    const enough = size >= 24 || (bold && size >= 18.6) ? 3 : 4.5;
                    const found = contrast(over(colour.rgb, under, colour.a), under);
                    if (found < enough) seen.set(`${colour.rgb} on ${under.map(Math.round)}`, `${found.toFixed(2)} for '${text}', ${colour.rgb} on ${under.map(Math.round)}`);
                };
                const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                for (let node; node = walk.nextNode();) {
                    const element = node.parentElement;
                    if (!node.data.trim() || element.closest('svg, script, style, noscript') || !element.checkVisibility()) continue;
                    judge(node.data.trim().slice(0, 40), parse(getComputedStyle(element).color), ground(element), getComputedStyle(element));
                }
                for (const chart of document.querySelectorAll('.chart')) {
                    chart.scrollIntoView({ block: 'center' });
                    for (const text of chart.querySelectorAll('svg text')) {
                        const style = getComputedStyle(text), box = text.getBoundingClientRect();
                        const under = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
                            .filter(shape => shape.tagName === 'rect' && chart.contains(shape)).reverse()
                            .reduce((under, shape) => {
                                const { fill, fillOpacity, opacity } = getComputedStyle(shape);
                                return fill === 'none' ? under : over(parse(fill).rgb, under, parse(fill).a * fillOpacity * opacity);
                            }, ground(chart));
                        judge(`${chart.id}: ${text.textContent}`.slice(0, 60), parse(style.fill), under, style);
                    }
                }
                return [...seen.values()];
            })()"

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``on paper nothing is wider than the page, and no figure is cut by its end``(page: string) =
        let browser = pages.Browser
        // What is between the margins of a page of A4.
        browser.Open(pages.File page, 687, 900, true)
        browser.Media("print", true)
        browser.Evaluate "dispatchEvent(new Event('beforeprint')), true" |> ignore
        browser.Settle()

        complains
            browser
            "(() => {
                const edge = document.documentElement.clientWidth + 1, high = 265 / 25.4 * 96;
                const things = [...document.querySelectorAll('main svg, main table, main p, main pre')];
                return [
                    ...things.filter(thing => thing.getBoundingClientRect().right > edge).map(thing =>
                        `wider than the page: ${thing.closest('section').id} ${thing.tagName} ${thing.textContent.slice(0, 60)}`),
                    ...[...document.querySelectorAll('figure')].filter(figure =>
                        figure.getBoundingClientRect().height > high || getComputedStyle(figure).breakInside !== 'avoid')
                        .map(figure => `higher than a page: ${figure.closest('section').id}`),
                    ...(document.querySelector('main details:not([open])') ? ['a fold is closed'] : []),
                    ...(getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)' ? [] : ['paper is not white']),
                ];
            })()"

        browser.Evaluate "dispatchEvent(new Event('afterprint')), true" |> ignore
        browser.Media("", false)

        let pdf =
            browser.Call("Page.printToPDF", [ "preferCSSPageSize", box true ]).GetProperty("data").GetBytesFromBase64()
            |> Encoding.Latin1.GetString

        Assert.StartsWith("%PDF", pdf)
        Assert.InRange(Regex.Matches(pdf, @"/Type\s*/Page\b").Count, 4, 40)

    [<Theory>]
    [<InlineData "report">]
    [<InlineData "grid">]
    member _.``a screen reader finds headings in order, landmarks, named figures and tables``(page: string) =
        complains
            (pages.Open page)
            "(() => {
                const all = (selector, from = document) => [...from.querySelectorAll(selector)];
                const levels = all('h1, h2, h3, h4, h5, h6').map(heading => Number(heading.tagName[1]));
                const ids = all('[id]').map(element => element.id);
                const named = element => (element.getAttribute('aria-label') ?? '').length > 10;
                return [
                    ...(levels[0] === 1 && levels.filter(level => level === 1).length === 1 ? [] : ['not one h1 at the start']),
                    ...(levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1) ? [] : ['a heading level is left out']),
                    ...['header', 'nav[aria-label]', 'main', 'footer', 'html[lang]', 'title'].filter(part => all(part).length !== 1),
                    ...(new Set(ids).size === ids.length ? [] : ['an id stands twice']),
                    ...all('.chart svg').filter(svg => !svg.closest('label') && !(svg.getAttribute('role') === 'img' && named(svg)))
                        .map(svg => `no name: ${svg.closest('.chart').id}`),
                    ...all('figure').filter(figure => !figure.querySelector('figcaption')?.textContent.trim()).map(() => 'a figure without a caption'),
                    ...all('table').filter(table => !table.caption?.textContent || all('th[scope=col]', table).length === 0
                        || all('tbody tr', table).some(row => !row.querySelector('th[scope=row]'))).map(table => `table ${table.caption?.textContent}`),
                    ...all('nav a, .skip').filter(link => !document.querySelector(link.getAttribute('href'))).map(link => `${link.href} leads nowhere`),
                    ...all('input').filter(input => !input.labels.length).map(() => 'an input without a label'),
                    ...all('fieldset').filter(field => !field.querySelector('legend')).map(() => 'a fieldset without a legend'),
                ];
            })()"

    interface IClassFixture<Pages>
