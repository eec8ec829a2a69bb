/// ENVELOPE and BODYSTRUCTURE (RFC 3501, section 7.4.2).
enum IMAPStructure {
    private static let none = Array("NIL".utf8)

    static func envelope(_ header: MailHeader) -> [UInt8] {
        let from = header["from"], sender = header["sender"] ?? from, reply = header["reply-to"] ?? from
        return IMAPText.list([
            IMAPText.orNil(header["date"]), IMAPText.orNil(header["subject"]), addresses(from), addresses(sender), addresses(reply),
            addresses(header["to"]), addresses(header["cc"]), addresses(header["bcc"]), IMAPText.orNil(header["in-reply-to"]), IMAPText.orNil(header["message-id"]),
        ])
    }

    private static func addresses(_ value: [UInt8]?) -> [UInt8] {
        let entries = value.map { AddressList($0).entries } ?? []
        guard !entries.isEmpty else { return none }
        let items = entries.map { entry in
            switch entry {
            case .mailbox(let name, let local, let domain): IMAPText.list([IMAPText.orNil(name), none, IMAPText.string(local), IMAPText.string(domain)])
            case .groupStart(let name): IMAPText.list([none, none, IMAPText.string(name), none])
            case .groupEnd: IMAPText.list([none, none, none, none])
            }
        }
        return Array("(".utf8) + items.joined() + Array(")".utf8)
    }

    /// - Parameter isExtended: BODYSTRUCTURE rather than BODY.
    static func body(_ part: MailPart, _ bytes: [UInt8], isExtended: Bool) -> [UInt8] {
        if case .several(let parts) = part.content { return multipart(part, parts, bytes, isExtended) }
        let names = part.type.value.split(separator: "/", maxSplits: 1).map { Array($0.utf8) }
        let isText = names.first.map { String(decoding: $0, as: UTF8.self).lowercased() == "text" } ?? false
        var fields = [
            IMAPText.string(names.count == 2 ? names[0] : Array("application".utf8)), IMAPText.string(names.count == 2 ? names[1] : Array("octet-stream".utf8)),
            parameters(part.type, isText: isText), IMAPText.orNil(part.header["content-id"]), IMAPText.orNil(part.header["content-description"]),
            IMAPText.string(part.header["content-transfer-encoding"] ?? Array("7BIT".utf8)), Array("\(part.bodyRange.count)".utf8),
        ]
        let lines = Array("\(Lines.count(bytes, part.bodyRange))".utf8)
        if case .message(let inner) = part.content { fields += [envelope(inner[0].header), body(inner[0], bytes, isExtended: isExtended), lines] } else if isText { fields.append(lines) }
        if isExtended { fields += [IMAPText.orNil(part.header["content-md5"])] + extensions(part) }
        return IMAPText.list(fields)
    }

    private static func multipart(_ part: MailPart, _ parts: [MailPart], _ bytes: [UInt8], _ isExtended: Bool) -> [UInt8] {
        let subtype = part.type.value.split(separator: "/", maxSplits: 1).last.map { Array($0.utf8) } ?? Array("mixed".utf8)
        let rest = [IMAPText.string(subtype)] + (isExtended ? [parameters(part.type, isText: false)] + extensions(part) : [])
        return Array("(".utf8) + parts.flatMap { body($0, bytes, isExtended: isExtended) } + [32] + rest.joined(separator: [32]) + Array(")".utf8)
    }

    private static func parameters(_ list: ParameterList, isText: Bool) -> [UInt8] {
        var items = list.parameters.flatMap { [IMAPText.string($0.name), IMAPText.string($0.value)] }
        if items.isEmpty, isText { items = [IMAPText.string("CHARSET"), IMAPText.string("US-ASCII")] }
        return items.isEmpty ? none : IMAPText.list(items)
    }

    /// Disposition, language, location.
    private static func extensions(_ part: MailPart) -> [[UInt8]] {
        let disposition = part.header["content-disposition"].map { ParameterList($0) }
        return [
            disposition.map { IMAPText.list([IMAPText.string($0.value), parameters($0, isText: false)]) } ?? none,
            IMAPText.orNil(part.header["content-language"]), IMAPText.orNil(part.header["content-location"]),
        ]
    }
}
