# The target `libtorch`: Debian's libtorch-dev, found by itself, or the one that GLEM_LIBTORCH names: the unpacked
# pytorch.org zip, or what a pip wheel's torch.utils.cmake_prefix_path says.
#
# libtorch's own CMake package would do, but where libtorch was built with CUDA that package demands the CUDA toolkit with
# its compiler. Nothing here is CUDA source: as for a C++ extension in Python, headers and libraries are enough.
if("$ENV{GLEM_LIBTORCH}" STREQUAL "")
  set(GLEM_LIBTORCH_ADVICE "apt-get install libtorch-dev, or set GLEM_LIBTORCH=/path/to/libtorch.")
else()
  get_filename_component(GLEM_LIBTORCH "$ENV{GLEM_LIBTORCH}" REALPATH)
  set(GLEM_LIBTORCH_PLACES HINTS "${GLEM_LIBTORCH}" "${GLEM_LIBTORCH}/../.." NO_DEFAULT_PATH)
  string(CONCAT GLEM_LIBTORCH_ADVICE "GLEM_LIBTORCH is ${GLEM_LIBTORCH}, expected the unpacked libtorch zip, or what "
                                     "Python's torch.utils.cmake_prefix_path says.")
endif()
set(GLEM_LIBRARY_FOLDERS lib lib/${CMAKE_LIBRARY_ARCHITECTURE})

find_path(LIBTORCH_HEADERS ATen/ATen.h ${GLEM_LIBTORCH_PLACES} PATH_SUFFIXES include)
find_file(LIBTORCH_CONFIG TorchConfig.cmake ${GLEM_LIBTORCH_PLACES}
          PATH_SUFFIXES share/cmake/Torch lib/cmake/Torch lib/${CMAKE_LIBRARY_ARCHITECTURE}/cmake/Torch)
foreach(part torch torch_cpu c10)
  find_library(LIBTORCH_${part} ${part} ${GLEM_LIBTORCH_PLACES} PATH_SUFFIXES ${GLEM_LIBRARY_FOLDERS})
endforeach()
foreach(part HEADERS CONFIG torch torch_cpu c10)
  if(NOT LIBTORCH_${part})
    message(FATAL_ERROR "No libtorch with its headers was found (${part} is missing): ${GLEM_LIBTORCH_ADVICE}")
  endif()
endforeach()

# Two facts that only libtorch's package tells: its C++ library's ABI, and the language its headers are written in, which
# before 2.1 is less than the 17 that this library needs.
file(STRINGS "${LIBTORCH_CONFIG}" LIBTORCH_ABI REGEX "_GLIBCXX_USE_CXX11_ABI=[01]")
string(REGEX MATCH "_GLIBCXX_USE_CXX11_ABI=[01]" LIBTORCH_ABI "${LIBTORCH_ABI}")
file(STRINGS "${LIBTORCH_CONFIG}" LIBTORCH_STANDARD REGEX "CXX_STANDARD [0-9]+")
string(REGEX MATCH "[0-9]+" LIBTORCH_STANDARD "${LIBTORCH_STANDARD}")
if(LIBTORCH_STANDARD LESS 17)
  set(LIBTORCH_STANDARD 17)
endif()

message(STATUS "libtorch: ${LIBTORCH_torch}, C++${LIBTORCH_STANDARD} ${LIBTORCH_ABI}")

add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE "${LIBTORCH_HEADERS}"
                                                     "${LIBTORCH_HEADERS}/torch/csrc/api/include")
target_compile_definitions(libtorch INTERFACE ${LIBTORCH_ABI})
target_compile_features(libtorch INTERFACE cxx_std_${LIBTORCH_STANDARD})
# No symbol of libtorch.so is used by name, but it is what loads the CUDA operators.
target_link_libraries(libtorch INTERFACE -Wl,--no-as-needed "${LIBTORCH_torch}" -Wl,--as-needed "${LIBTORCH_torch_cpu}"
                                         "${LIBTORCH_c10}")
