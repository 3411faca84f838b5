/// Why a command cannot do what it was asked for, in words that need nothing added.
struct CommandError: Error, CustomStringConvertible {
    let description: String
}
