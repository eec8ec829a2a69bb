@main struct Mote { static func main() {} }
