internal import ArgumentParser
internal import Disclosure

struct AbuseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abuse", abstract: "Answers to complaints, and a notice for visitors, filled with a mote's facts.", subcommands: [List.self, Show.self, Notice.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the answers that there are.")
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            if json { return try JSON.say(Dictionary(uniqueKeysWithValues: AbuseReply.all.map { ($0.name, $0.purpose) })) }
            for reply in AbuseReply.all { Terminal.say(reply.name + String(repeating: " ", count: max(1, 14 - reply.name.count)) + reply.purpose) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print an answer about one mote. Read it before you send it, and attach the file of 'dustcloud mote evidence'.")

        @OptionGroup var state: StateOption
        @Argument(help: ArgumentHelp("Which answer; see: dustcloud abuse list", valueName: "name")) var name: String
        @Option(help: ArgumentHelp("The mote's key or at least its first four digits.", valueName: "mote")) var mote: String

        func validate() throws {
            guard AbuseReply.named(name) != nil else {
                throw ValidationError("there is no answer \"\(name)\"; there are \(AbuseReply.all.map(\.name).joined(separator: ", "))")
            }
        }

        func run() throws { Terminal.say(AbuseReply.named(name)?.text(try StatementSource(state).statement(of: mote)) ?? "") }
    }

    struct Notice: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a page for people who look at an exit's address with a browser: the file for a torrc's DirPortFrontPage.")

        @Option(help: ArgumentHelp("How the operator is reached.", valueName: "text")) var contact: String

        func run() { Terminal.say(ExitNotice.html(contact: contact)) }
    }
}
