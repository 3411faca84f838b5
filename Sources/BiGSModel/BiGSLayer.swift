internal import Kernels

/// One bidirectional gated layer (arXiv 2212.10544, figure 1; names as in the paper and in the
/// checkpoint). The legend of the shapes: T packed tokens of all texts, H `hiddenSize`,
/// I `intermediateSize`. The backward recurrence runs from each text's last token to its first,
/// so nothing is flipped; neither recurrence crosses from one text into another.
struct BiGSLayer: Sendable {
    let norm: LayerNorm
    let dv: DenseProjection  //          [H, I], gelu
    let duForward: DenseProjection  //   [H, H], gelu
    let duBackward: DenseProjection  //  [H, H], gelu
    let fs4: SSMConvolution  //          one kernel for all H channels
    let bs4: SSMConvolution  //          one kernel for all H channels
    let ducForward: DenseProjection  //  [H, H]
    let ducBackward: DenseProjection  // [H, H]
    let dol: DenseProjection  //         [H, I], gelu
    let `do`: DenseProjection  //        [I, H]
    /// LayerNorm before the layer, or after the sum.
    let preNorm: Bool

    /// Replaces `w.h` [T, H] by the layer's output. What belongs to a row goes through it a tile of
    /// rows at a time, t of them; only the recurrences need the whole text.
    func apply(_ w: ModelWorkspace, layout: SequenceLayout) {
        let tiles = RowTiles(rows: layout.totalRows, precision: w.precision)
        w.reserve(tiles)
        tiles.run(Entry(layer: self, w: w))
        SSMConvolution.apply(  //                              sf = kf * uf + Df uf      [T, H]
            fs4, on: w.uf, bs4, on: w.ub,  //                  sb = kb * ub + Db ub      [T, H]
            layout: layout, workspace: w.convolution)
        tiles.run(Exit(layer: self, w: w))
    }

    private struct Entry: TileTask {
        let layer: BiGSLayer
        let w: ModelWorkspace

        func run(_ tile: RowTile) { layer.enter(w, tile) }
    }

    private struct Exit: TileTask {
        let layer: BiGSLayer
        let w: ModelWorkspace

        func run(_ tile: RowTile) { layer.leave(w, tile) }
    }

    /// Into the recurrences.
    private func enter(_ w: ModelWorkspace, _ tile: RowTile) {
        let (x, uf, ub) = (w.x[tile.rows], w.uf[tile.rows], w.ub[tile.rows])
        if preNorm {
            norm.apply(w.h[tile.rows], into: x, in: tile)  //  x  = LayerNorm(h)         [t, H]
        } else {
            Elementwise.copy(w.h[tile.rows], into: x)
        }
        duForward.apply(x, into: uf, in: tile)  //             uf = gelu(x Wf + bf)      [t, H]
        duBackward.apply(x, into: ub, in: tile)  //            ub = gelu(x Wb + bb)      [t, H]
    }

    /// Out of the recurrences.
    private func leave(_ w: ModelWorkspace, _ tile: RowTile) {
        let (sf, sb) = (w.uf[tile.rows], w.ub[tile.rows])
        let (h, c, v) = (w.h[tile.rows], w.c(tile), w.v(tile))
        ducForward.apply(sf, into: c, in: tile)  //            cf = sf Wcf + bcf         [t, H]
        ducBackward.apply(sb, into: c, multiplier: c, in: tile)  // c = (sb Wcb + bcb) . cf
        dv.apply(w.x[tile.rows], into: v, in: tile)  //        v  = gelu(x Wv + bv)      [t, I]
        dol.apply(c, into: v, multiplier: v, in: tile)  //     g  = gelu(c Wol + bol) . v [t, I]
        `do`.apply(v, into: h, residual: h, in: tile)  //      h  = h + g Wo + bo        [t, H]
        if !preNorm { norm.apply(h, into: h, in: tile) }
    }
}
