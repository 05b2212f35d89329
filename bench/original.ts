/**
 * The code of the original repository, file by file, so that a test can hold that each has its counterpart here. Pictures,
 * logs, lists of requirements and files that only build something are left out.
 */

const folders: Record<string, string> = {
  "01_understanding": "check_prime.py reducing_operations.py",
  "02_profiling": "requirements.txt",
  "02_profiling/cpu_profiling": "julia1.py julia1_nopil.py",
  "02_profiling/decorator_time": "julia1_decorator.py",
  "02_profiling/line_profiler":
    "julia1_lineprofiler.py julia1_lineprofiler2.py julia1_lineprofiler3.py julia1_nopil_originalif.py julia1_nopil_swappedif.py",
  "02_profiling/memory_profiler":
    "julia1_memoryprofiler.py julia1_memoryprofiler2.py julia1_memoryprofiler_with_labels.py",
  "02_profiling/noop_profile_decorator": "test_utility.py utility.py",
  "02_profiling/py-spy": "julia1_nopil.py",
  "02_profiling/visualise_nonconvergence": "nonconvergence.py",
  "03_lists_tuples":
    "linear_search.py binary_search.py binary_vs_linear_search.py bisect_example.py overallocation_memory_use.py",
  "03_lists_tuples/allocations": "list_allocation_graph.py",
  "04_dict_set":
    "custom_hash_function.py custom_vs_default_hash.py dict_probing.py namespace.py timing_hash_function.py unique_lookup.py",
  "04_dict_set/allocations": "dict_allocation_graph.py dict_resize.py list_allocation_graph.py set_allocation_graph.py",
  "05_iterators": "fibonacci.py lazy_data_analysis.py",
  "06_matrix": "Makefile torch_branching_task.py",
  "06_matrix/norm":
    "norm_python.py norm_python_comprehension.py norm_array.py norm_numpy.py norm_numpy_dot.py figure_compare_norms.py",
  "06_matrix/diffusion_2d":
    "diffusion_python.py diffusion_python_memory.py diffusion_numpy.py diffusion_numpy_naive.py " +
    "diffusion_numpy_memory.py diffusion_numpy_memory2.py diffusion_numpy_memory2_numexpr.py " +
    "diffusion_numpy_memory2_numexpr_single.py diffusion_scipy.py diffusion_scipy_conv.py diffusion_pytorch_compute.py " +
    "diffusion_pytorch_conv.py diffusion_pytorch_conv_profile.py diffusion_pytorch_highmem.py " +
    "diffusion_pytorch_transfer.py figure_pytorch_naive_precision.py figure_pytorch_naive_vs_conv.py " +
    "figure_pytorch_vs_numpy.py _benchmark.py",
  "07_pandas/ols_basics": "generate_data.py utility.py compare_sklearn_lstsq_timing.py sklearn_line_profiler.py " +
    "time_iteration_methods.py time_iteration_methods_dask.py time_iteration_methods_slow_with_diagram.py " +
    "str_operation.py plot_min_max_slopes.py",
  "08_compiling": "diffusion.c",
  "08_compiling/cpython": "julia1_nopil.py",
  "08_compiling/cython/cpython": "julia1.py",
  "08_compiling/cython/cpython_pyximport": "julia1.py",
  "08_compiling/cython/nparray_memoryview": "julia1_np_nocython.py",
  "08_compiling/cython/nparray_memoryview/parallel": "julia1.py",
  "08_compiling/numba":
    "julia1_numba.py julia1_numba_expandedmath.py julia1_numba_expandedmath_inspection.py julia1_numba_parallel.py",
  "08_compiling/pypy": "julia1_nopil.py julia1_nopil_expanded_math.py julia1_numpy_pypy.py",
  "08_compiling/pytorch": "compare.py diffusion_numpy.py diffusion_pytorch.py random_access.py",
  "08_compiling/ctypes": "diffusion_ctypes.py",
  "08_compiling/cffi": "diffusion_2d_cffi.py diffusion_2d_cffi_inline.py",
  "08_compiling/cpython_module": "diffusion.py",
  "08_compiling/cpython_module/cdiffusion": "python_interface.c",
  "08_compiling/f2py": "diffusion_fortran.py",
  "08_compiling/rust": "cffi_diffusion.py example.py",
  "08_compiling/rust/diffusion/src": "lib.rs",
  "08_compiling/diminishing_returns": "make_diminishing_returns.py",
  "09_concurrency/crawler": "server.py serial/crawler.py aiohttp/crawler.py parallel_requests.py visualize.py",
  "09_concurrency/workload": "server.py workload.py",
  "10_multiprocessing/pi_estimation/pi_lists_parallel": "pi_lists_series.py pi_lists_parallel.py " +
    "pi_lists_parallel_joblib.py pi_lists_parallel_joblib_cache.py pi_graph_speed_tests.py cpu_usage/profile_cpu_usage.py",
  "10_multiprocessing/pi_estimation/pi_processes_parallel":
    "pi_numpy_serial.py pi_numpy_serial_blocks.py pi_numpy_parallel_worker.py pi_graph_speed_tests.py",
  "10_multiprocessing/pi_estimation/pi_monte_carlo_diagram": "pi_plot_monte_carlo_example.py",
  "10_multiprocessing/prime_generation":
    "primes.py primes_queue.py primes_queue_jobs_feeder_thread.py plot_serial_vs_queue_times.py " +
    "diagrams/primes_pool_plot_chunksizetimes.py diagrams/primes_pool_plot_chunksizetimes_by_nbrchunks.py " +
    "diagrams/primes_timed_makes_graph.py",
  "10_multiprocessing/prime_validation": "create_range.py primes.py primes_pool_per_number1.py " +
    "primes_pool_per_number2.py primes_pool_per_number_manager.py primes_pool_per_number_mmap.py " +
    "primes_pool_per_number_mmap2.py primes_pool_per_number_mmap3.py primes_pool_per_number_redis.py " +
    "primes_pool_per_number_value.py plot_prime_validation_times.py diagrams/create_count_of_factors_for_nonprimes.py",
  "10_multiprocessing/locking":
    "ex1_nolock1.py ex1_nolock4.py ex1_lock.py ex2_nolock.py ex2_lock.py ex2_lock_rawvalue.py ex3_redis.py",
  "10_multiprocessing/np_shared_example":
    "np_shared.py rnd_demo/np_shared_rnd_serial.py rnd_demo/np_shared_rnd_parallel.py",
  "11_clusters":
    "docker/Dockerfile docker/diffusion_numpy_memory2.py ipythonparallel/pi_ipython_cluster.py nsq/nsq_worker.py",
  "12_less_ram": "getsizeof/asizeof.py numexpr_pandas/make_cross_entropy_picture.py sparse/benchmark_sparse.py",
  "12_less_ram/compressing_text":
    "text_example.py text_example_list.py text_example_list_bisect.py text_example_set.py " +
    "text_example_dict.py text_example_lexpy.py text_example_marisa_trie.py text_example_marisa_trie_load_only.py " +
    "text_example_pygtrie.py plot_example.py",
  "12_less_ram/morris_counter_example": "morris_counter.py show_morris_counter.py",
  "12_less_ram/probabilistic_datastructures":
    "morriscounter.py kminvalues.py ll.py superll.py hyperloglog.py bloomfilter.py scalingbloomfilter.py _benchmark.py",
  "12_less_ram/sklearn_hashing_trick": "feature_hashing_test1.py feature_hashing_explanation2.py",
};

/** Paths from the original's root. */
export const originals: string[] = Object.entries(folders).flatMap(([folder, names]) =>
  names.split(" ").map((name) => `${folder}/${name}`)
);
