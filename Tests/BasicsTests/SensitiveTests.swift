import Confidential
import Testing

@Test("A sensitive value does not show in text, however it is put there")
func sensitiveIsScrubbed() {
    let name = Sensitive("example.com")
    let text = "\(name) \(String(describing: [name])) \(String(reflecting: name)) \(Optional(name)!)"
    #expect(!text.contains("example"))
    #expect(name.value == "example.com")
}
