import Serving

/// A field with a wrong value, thrown while a body is decoded.
struct FieldError: Error {
    let field: String
    let reason: String
}

/// Reads a JSON body, or says which of its fields is wrong.
enum RequestBodyDecoder {
    /// - Parameters:
    ///   - name: what the bytes are called where they are no JSON.
    ///   - budget: what the memory is taken of that reading takes, as long as it lasts; nil is no bound.
    ///   - isLeft: whether nobody waits any more, which ends a long one.
    static func decode<Body: Decodable>(
        _ type: Body.Type, from bytes: [UInt8], called name: String = "body",
        within budget: SharedBudget? = nil,
        isLeft: @escaping @Sendable () -> Bool = { false }
    ) throws(APIError) -> Body {
        let share = budget.map(SharedBudget.Share.init(of:))
        return try withExtendedLifetime(share) { () throws(APIError) in
            let tape = try tape(of: bytes, called: name, share: share)
            let allowance = share.map {
                DecodingAllowance(of: $0, bodyBytes: bytes.count, isLeft: isLeft)
            }
            do throws(APIError) {
                return try decode(type, from: tape, within: allowance)
            } catch {
                throw allowance?.refusal ?? error
            }
        }
    }

    /// - Parameter share: what the tape's memory is taken of, beside that of the bytes.
    static func tape(
        of bytes: [UInt8], called name: String = "body", share: SharedBudget.Share?
    ) throws(APIError) -> JSONTape {
        var refusal: APIError?
        do throws(JSONSyntaxError) {
            return try JSONTape(bytes) { size in
                refusal = share?.refusal(
                    ofTaking: size, besideBody: bytes.count, called: name)
                return refusal == nil
            }
        } catch {
            if let refusal { throw refusal }
            throw .malformed("the \(name) is not JSON: \(error)")
        }
    }

    /// What a route wants of a body.
    static func decode<Body: Decodable>(
        _ type: Body.Type, from tape: JSONTape, within allowance: DecodingAllowance? = nil
    ) throws(APIError) -> Body {
        do {
            return try JSONBodyDecoder.decode(type, from: tape, within: allowance)
        } catch let error as APIError {
            throw error
        } catch let error as FieldError {
            throw .validation(field: error.field, error.reason)
        } catch let error as DecodingError {
            throw apiError(error)
        } catch {
            throw .malformed("the body is not JSON: \(error)")
        }
    }

    private static func apiError(_ error: DecodingError) -> APIError {
        func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            (context.codingPath + (key.map { [$0] } ?? [])).fieldName
        }
        switch error {
        case .keyNotFound(let key, let context):
            return .validation(field: path(context, key), "is missing")
        case .typeMismatch(let type, let context):
            if context.codingPath.isEmpty {
                return .validation(field: "body", "expected a JSON object")
            }
            return .validation(field: path(context), "expected \(name(of: type))")
        case .valueNotFound(let type, let context):
            return .validation(
                field: context.codingPath.isEmpty ? "body" : path(context),
                "expected \(name(of: type)), got null")
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return .malformed("the body is not JSON")
        case .dataCorrupted(let context):
            return .validation(field: path(context), context.debugDescription)
        @unknown default:
            return .malformed("the body cannot be read")
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "an integer"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "a list"
        case is [String: Any].Type: "an object"
        default: "another type"
        }
    }
}

/// Bodies with no other fields than those they are read for: where a misspelt condition would let more
/// through than was meant, or a misspelt member would not be kept.
enum ClosedBody {
    /// A value that only has to be there.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    /// Throws for the first field, by its name, that is none of `keys`; `what` says of what.
    static func check(
        _ decoder: any Decoder, _ keys: [any CodingKey], of what: String
    ) throws {
        let known = Set(keys.map(\.wireName))
        // The names of a dictionary come as the client wrote them.
        let given = try decoder.singleValueContainer().decode([String: Anything].self)
        if let name = given.keys.filter({ !known.contains($0) }).min() {
            let place = decoder.codingPath.isEmpty ? "" : decoder.codingPath.fieldName + "."
            throw FieldError(
                field: place + name.prefix(100), reason: "is not a field of \(what)")
        }
    }
}

extension [any CodingKey] {
    /// The place in a body, as messages name it. A body that is a list is one of documents.
    var fieldName: String {
        reduce("") { path, key in
            if let index = key.intValue { return "\(path.isEmpty ? "documents" : path)[\(index)]" }
            return path.isEmpty ? key.wireName : "\(path).\(key.wireName)"
        }
    }
}

extension CodingKey {
    /// The key as the request has it: `truncation_direction`, not `truncationDirection`; a member's name,
    /// which is data, as it is.
    var wireName: String {
        if self is MemberName { return stringValue }
        var name = ""
        for character in stringValue {
            if character.isUppercase { name += "_" }
            name += character.lowercased()
        }
        return name
    }
}
