/// What somebody reads who looks at an exit's address with a browser.
package enum ExitNotice {
    /// - Parameter contact: how the operator is reached, in the operator's words.
    package static func html(contact: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>This is a relay of an anonymity network</title>
        <style>body{font:16px/1.5 sans-serif;max-width:42em;margin:2em auto;padding:0 1em}</style></head><body>
        <h1>This is a relay of an anonymity network</h1>
        <p>You are probably here because something that you did not expect came from this address. It was not sent by this machine or by who runs it. The
        machine passes on connections for people who want to use the net without being watched: they may be journalists, people whose government censors,
        or anybody else. It does not know who they are.</p>
        <p>The machine lives for a short time only; soon there will be something else at this address, or nothing. It keeps no record of who connects through it,
        where to, or what is sent. So such a record can neither be stolen from it nor asked for.</p>
        <p>If connections from here do harm, you can refuse them, and you can tell the operator, who can stop them at once: \(StatementPage.escape(contact))</p>
        </body></html>
        """
    }
}
