process.kill(process.pid, 'SIGSEGV') // as a graphics driver that fails takes its process with it
