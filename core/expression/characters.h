// Texts by their characters: UTF-8, and each byte that is none counts as one. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slicemill::expression {

struct Character {
  std::int32_t point = -1;  // -1: a byte that is no UTF-8
  std::size_t size = 1;     // bytes
};

// The one that begins the text. Requires: it is not empty.
Character character_at(std::string_view text);
std::size_t count_characters(std::string_view text);
// The byte at which character `index` begins; beyond the last one, the end.
std::size_t offset_of_character(std::string_view text, std::size_t index);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

bool is_blank_character(std::int32_t point);

}  // namespace slicemill::expression
