/// The statement as a page for people who are no experts: one file, no scripts, nothing loaded from anywhere.
package enum StatementPage {
    package static func html(_ statement: Statement, publicKey: String) -> String {
        let title = "What \(statement.nickname) was"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(escape(title))</title>
            <style>body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color:#222}h1,h2{line-height:1.2}
            table{border-collapse:collapse;width:100%}td{border-top:1px solid #ccc;padding:.3em .6em .3em 0;vertical-align:top}td:first-child{width:11em;color:#555}
            pre{background:#f4f4f4;padding:.6em;overflow:auto;font-size:13px}code{overflow-wrap:anywhere}</style></head><body>
            <h1>\(escape(title))</h1>
            \(introduction(statement))
            <h2>The facts</h2>
            \(facts(statement))
            <h2>What it allowed</h2>
            \(policy(statement))
            <h2>What was written down, and what was not</h2>
            <p>Written down:</p>\(list(statement.logged))<p>Not written down:</p>\(list(statement.notLogged))
            <h2>What ran on the machine</h2>
            \(machine(statement))
            <h2>What happened, step by step</h2>
            <table>\(statement.steps.map { row($0.at, $0.what) }.joined())</table>
            <h2>How to check this</h2>
            <p>This page repeats what is in the signed file beside it. To check that the file was not changed: <code>dustcloud mote evidence --verify FILE</code>. It is
            signed by the key <code>\(escape(publicKey))</code>; whether that is the operator's key, ask the operator.</p>
            </body></html>

            """
    }

    private static func introduction(_ statement: Statement) -> String {
        """
        <p>The address that you ask about belonged, for a limited time, to a <em>relay of an anonymity network</em>. Such a relay passes on data for people whom
        it does not know, as a post office passes on letters. What came from its address was not sent by the person or company who ran it, and nobody who
        ran it can say who did: the network is built so that they cannot know.</p>
        <p>This relay was made to live for a short time. It \(statement.gone == nil ? "is to end" : "was to end") on \(escape(statement.expires)) (UTC)\
        \(statement.gone.map { " and was gone on \(escape($0))" } ?? "").</p>
        """
    }

    private static func facts(_ statement: Statement) -> String {
        let rows = [
            ("Name", statement.nickname), ("Address", statement.address ?? "none was published"), ("Relay identity", statement.fingerprint ?? "none was published"),
            ("Provider", [statement.provider, statement.region].filter { !$0.isEmpty }.joined(separator: ", ")), ("Ordered", statement.intended),
            ("Had to end by", statement.expires), ("Gone", statement.gone.map { "\($0) (\(statement.goneReason ?? ""))" } ?? "not when this was made"),
            ("This was made", statement.made),
        ]
        return "<table>" + rows.map { row($0.0, $0.1) }.joined() + "</table>"
    }

    private static func policy(_ statement: Statement) -> String {
        guard let policy = statement.exitPolicy else { return "<p>The relay never published a description, so nobody could use it.</p>" }
        let isExit = policy.contains { $0.hasPrefix("accept ") }
        let words = isExit
            ? "It connected to places outside of the network for its users, as these rules allow. The first rule that fits counts."
            : "It connected to no place outside of the network: it only passed data on to other relays."
        return "<p>\(words)</p><pre>\(escape(policy.joined(separator: "\n")))</pre>"
    }

    private static func machine(_ statement: Statement) -> String {
        let image = statement.image
        var text = image.digest.isEmpty ? "" : "<p>The machine was started from the image <code>\(escape(image.digest))</code>.</p>"
        text += "<p>\(escape(image.rebuild))</p>"
        if let enrolment = statement.enrolment {
            text += "<p>At \(escape(enrolment.at)) the machine proved that it was the one that had been ordered. \(escape(enrolment.worth))</p>"
        }
        return text
    }

    private static func row(_ name: String, _ value: String) -> String { "<tr><td>\(escape(name))</td><td>\(escape(value))</td></tr>" }
    private static func list(_ items: [String]) -> String { "<ul>" + items.map { "<li>\(escape($0))</li>" }.joined() + "</ul>" }

    /// Descriptors and providers' names are others' words.
    static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
