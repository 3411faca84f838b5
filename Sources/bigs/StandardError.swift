import Foundation

/// Lines for people who watch a command. Where nobody can, the command goes on.
enum StandardError {
    static func write(_ text: String, terminator: String = "\n") {
        try? FileHandle.standardError.write(contentsOf: Data((text + terminator).utf8))
    }
}
