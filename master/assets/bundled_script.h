// What the script of a bundle says about itself, read without running it. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slicemill::master {

// The operations of a bundle that is one script (index.js): the members of the object that it exports as ASSETS, each
// an object with Processor, Fetcher, Slicer, API or Observer.
//
//   ASSETS = {"file_reader": {Fetcher: a, Slicer: b}, ...}      also exports.ASSETS, export {x as ASSETS}, ASSETS: ()
//   => x
//
// Members that are computed, spread or come from a call are not seen. In the order of the script, each once.
std::vector<std::string> bundled_operations(std::string_view script);

}  // namespace slicemill::master
