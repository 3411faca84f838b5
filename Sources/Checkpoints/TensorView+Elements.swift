extension TensorView {
    /// The elements as float32 in row-major order, [count], whatever the strides; float64 is
    /// rounded to the nearest, the other types are exact. NaN and infinity come out as they are.
    /// Throws `elementTypeMismatch` for integers.
    package func floats() throws(CheckpointError) -> [Float] {
        switch type {
        case .float32: convert(SinglePrecision.self)
        case .bfloat16: convert(BrainPrecision.self)
        case .float16: convert(HalfPrecision.self)
        case .float64: convert(DoublePrecision.self)
        case .int64, .int32, .int16, .int8, .uint8, .bool:
            throw mismatch("a floating-point type")
        }
    }

    /// The elements as 64-bit integers in row-major order, [count]; bool gives 0 or 1.
    /// Throws `elementTypeMismatch` for floating-point numbers.
    package func integers() throws(CheckpointError) -> [Int64] {
        switch type {
        case .int64: convert(WholeNumber<Int64>.self)
        case .int32: convert(WholeNumber<Int32>.self)
        case .int16: convert(WholeNumber<Int16>.self)
        case .int8: convert(WholeNumber<Int8>.self)
        case .uint8: convert(WholeNumber<UInt8>.self)
        case .bool: convert(TruthValue.self)
        case .float64, .float32, .float16, .bfloat16: throw mismatch("an integer type")
        }
    }

    /// The row-major index of the first element that `floats` gives as NaN or infinity; nil when all
    /// are finite. Throws `elementTypeMismatch` for integers.
    package func firstNonFinite() throws(CheckpointError) -> Int? {
        switch type {
        case .float32: firstElement(from: UInt32(0x7F80_0000))
        case .bfloat16: firstElement(from: UInt16(0x7F80))
        case .float16: firstElement(from: UInt16(0x7C00))
        // Halfway from the largest float32 to 2^128: the first number that is rounded to infinity.
        case .float64: firstElement(from: (0x1.ffff_ffp127 as Double).bitPattern)
        case .int64, .int32, .int16, .int8, .uint8, .bool:
            throw mismatch("a floating-point type")
        }
    }

    /// Lends the elements as they are stored (little-endian, `type`), row-major and without gaps:
    /// in place when the view is contiguous, else a copy. For hashing and for copying.
    package func withContiguousBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if isContiguous { return try withStoredBytes(body) }
        switch type.size {
        case 8: return try TensorView.lend(convert(RawBits<UInt64>.self), to: body)
        case 4: return try TensorView.lend(convert(RawBits<UInt32>.self), to: body)
        case 2: return try TensorView.lend(convert(RawBits<UInt16>.self), to: body)
        default: return try TensorView.lend(convert(RawBits<UInt8>.self), to: body)
        }
    }

    private func mismatch(_ expected: String) -> CheckpointError {
        .elementTypeMismatch(file: fileName, tensor: name, expected: expected, got: type)
    }

    private static func lend<Element, Result, Failure: Error>(
        _ elements: [Element], to body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome = elements.withUnsafeBytes { bytes -> Swift.Result<Result, Failure> in
            do throws(Failure) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// The bytes from the first element to the last.
    private func withStoredBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var span = count == 0 ? 0 : 1
        for (size, stride) in zip(shape, strides) where count > 0 { span += (size - 1) * stride }
        return try file.withUnsafeBytes(in: byteOffset..<byteOffset + span * type.size, body)
    }

    /// Every element as `Number` reads it, in row-major order.
    private func convert<Number: StoredNumber>(_: Number.Type) -> [Number.Value] {
        withStoredBytes { bytes in
            [Number.Value](unsafeUninitializedCapacity: count) { result, initialized in
                initialized = count
                guard let source = bytes.baseAddress, let target = result.baseAddress else {
                    return
                }
                guard !isContiguous else {
                    TensorView.copy(Number.self, source, stride: 1, count: count, to: target)
                    return
                }
                forEachRow { start, index, length, stride in
                    TensorView.copy(
                        Number.self, source + start * MemoryLayout<Number.Stored>.size,
                        stride: stride, count: length, to: target + index)
                }
            }
        }
    }

    private static func copy<Number: StoredNumber>(
        _: Number.Type, _ source: UnsafeRawPointer, stride: Int, count: Int,
        to target: UnsafeMutablePointer<Number.Value>
    ) {
        let width = MemoryLayout<Number.Stored>.size
        // The same loop twice: with a step that is known the compiler uses vectors.
        if stride == 1 {
            for index in 0..<count {
                let stored = source.loadUnaligned(
                    fromByteOffset: index &* width, as: Number.Stored.self)
                (target + index).initialize(to: Number.value(of: stored))
            }
        } else {
            for index in 0..<count {
                let stored = source.loadUnaligned(
                    fromByteOffset: index &* stride &* width, as: Number.Stored.self)
                (target + index).initialize(to: Number.value(of: stored))
            }
        }
    }

    /// The first element whose bits without the sign, as a number, are `limit` or more.
    private func firstElement<Bits: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
        from limit: Bits
    ) -> Int? {
        withStoredBytes { bytes in
            guard let source = bytes.baseAddress else { return nil }
            guard !isContiguous else {
                return TensorView.first(limit, in: source, stride: 1, count: count)
            }
            var first: Int?
            forEachRow { start, index, length, stride in
                guard first == nil else { return }
                let row = source + start * MemoryLayout<Bits>.size
                first = TensorView.first(limit, in: row, stride: stride, count: length)
                    .map { index + $0 }
            }
            return first
        }
    }

    private static func first<Bits: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
        _ limit: Bits, in source: UnsafeRawPointer, stride: Int, count: Int
    ) -> Int? {
        func isSpecial(_ index: Int) -> Bool {
            let bits = source.loadUnaligned(
                fromByteOffset: index &* stride &* MemoryLayout<Bits>.size, as: Bits.self)
            return bits & (Bits.max >> 1) >= limit
        }
        var begin = 0
        // Whole blocks first, without leaving early, so that the loop uses vectors.
        let block = 4096
        while stride == 1, count - begin >= block {
            var found: Bits = 0
            for index in begin..<begin + block {
                let bits = source.loadUnaligned(
                    fromByteOffset: index &* MemoryLayout<Bits>.size, as: Bits.self)
                found |= bits & (Bits.max >> 1) >= limit ? 1 : 0
            }
            if found != 0 { break }
            begin += block
        }
        return (begin..<count).first(where: isSpecial)
    }

    /// Calls `body` for every run along the last dimension, in row-major order, with the element
    /// where it begins in the storage, its row-major index, its length and its stride.
    private func forEachRow(
        _ body: (_ start: Int, _ index: Int, _ length: Int, _ stride: Int) -> Void
    ) {
        guard count > 0 else { return }
        let length = shape.last ?? 1
        let stride = strides.last ?? 1
        var position = [Int](repeating: 0, count: max(shape.count - 1, 0))
        var start = 0
        for index in Swift.stride(from: 0, to: count, by: length) {
            body(start, index, length, stride)
            // A dimension of one element may have any stride: it is never stepped along.
            for axis in position.indices.reversed() where shape[axis] > 1 {
                position[axis] += 1
                start += strides[axis]
                if position[axis] < shape[axis] { break }
                start -= position[axis] * strides[axis]
                position[axis] = 0
            }
        }
    }
}
