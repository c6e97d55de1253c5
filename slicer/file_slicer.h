// Cuts files into slices for file_reader: byte ranges of uncompressed ldjson and raw files, parts of uncompressed csv
// and tsv files that begin and end with a row (slicer/rows_cutter.h), whole files otherwise.
//
// request := {"path":P,"total":bytes,"mtime_ns":N,"inode":I,"offset":O,"length":L}
//            total, mtime_ns, inode: as discovered
//
// position (once) := {"last":P [,"at":A]}
//            every file up to P in byte order is cut, none behind it
//
// position (persistent) := {"known":"hex*" [,"at":A]}
//            16 hex digits for the path of each file that was cut and is still there
//
// A := {"path":P,"total":bytes,"mtime_ns":N,"inode":I,"offset":O,"line":N [,"header":TEXT]}
//            the last or latest of these files is cut by rows and goes on here
//
// `once`: the list is taken when the slicer opens. `persistent`: it is taken again and again; a file is known by its
// path and is never looked at twice, so it must appear complete (written elsewhere, renamed into place). An empty file
// gives no slice.
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_file_slicer();

}  // namespace slicemill
